/** Web globals that scripts have besides the language. */
export const webGlobals: Readonly<Record<string, unknown>> = {};
