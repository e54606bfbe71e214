/** Words that stand between two parts of an order, within one sentence; bounded, so that no text takes long. */
const GAP = "[^.!?\\n]{0,40}?";

/**
 * Orders to whoever reads a description, as against what a tool does. All are matched against a reading: lower case, one
 * space, nothing invisible.
 */
const ORDERS: readonly RegExp[] = [
  // Away with what was said before.
  `\\b(?:ignore|disregard|forget|override|bypass|discard|neglect|do not follow|don't follow|stop following)\\b${GAP}\\b(?:previous|prior|above|earlier|preceding|former|existing|original|initial|system|safety|security|your|my|other|developer)\\b${GAP}\\b(?:instructions?|prompts?|rules|guidelines|directives?|directions|restrictions|constraints|policies|orders|commands|messages)\\b`,
  "\\b(?:ignore|disregard|forget|override) (?:all|any|every|everything)(?: (?:of )?(?:the|your|these|those|other))? (?:instructions?|prompts?|guidelines|directives|you (?:were|have been) told|before this|above|previous)\\b",
  `\\b(?:new|updated|real|actual|true|hidden|secret|special|following) (?:system )?(?:instructions?|directives?|orders) ?:`,
  "\\btakes? (?:precedence|priority) over (?:all|any|every|your|previous|other|system)\\b",
  // Behind the user's back.
  `\\b(?:do not|don't|never|must not|should not|shall not|avoid|without|no need to|refrain from) (?:ever )?(?:tell|telling|inform|informing|mention|mentioning|reveal|revealing|notify|notifying|alert|alerting|disclose|disclosing|warn|warning|let|letting)\\b${GAP}\\b(?:user|human|person|operator|anyone|anybody)\\b`,
  `\\b(?:do not|don't|never|must not) (?:mention|reveal|disclose|acknowledge|discuss|talk about) (?:this|these|that you|it|the (?:existence|above|following|instructions?))\\b`,
  `\\b(?:hide|conceal|keep|withhold) (?:this|it|these|that|the following)\\b${GAP}\\b(?:secret|hidden|confidential|private|(?:from|to) the (?:user|human))\\b`,
  `\\b(?:secretly|covertly|surreptitiously|quietly|silently|discreetly|stealthily) (?:send|read|forward|upload|copy|include|pass|transmit|bcc|exfiltrate|append|attach|call|invoke|add|collect|leak|post|email|record)\\b`,
  `\\bwithout (?:asking|informing|telling|notifying|the knowledge of|the consent of|alerting|permission from|confirmation from|approval from) (?:for |from )?(?:the )?(?:user|human|permission|confirmation|consent|approval)\\b`,
  "\\b(?:do not|don't|never) (?:ask|wait for|request|seek|require) (?:(?:the )?user )?(?:for )?(?:any |their |user )?(?:confirmation|permission|approval|consent)\\b",
  "\\bthe user (?:has )?(?:already |explicitly |fully )+(?:approved|authori[sz]ed|consented|agreed|given (?:permission|consent))\\b",
  // Before, after or instead of what was asked for.
  "\\b(?:before|prior to|after|instead of|when(?:ever)?) (?:you )?(?:using|calling|invoking|running|executing|use|call|invoke|run|execute) (?:any|all|every|each)(?: of)?(?: the)? (?:other )?(?:mcp )?tools?\\b",
  "\\b(?:always|must|should) (?:be )?(?:call|use|invoke|run)(?:ed|d)? (?:this|it)(?: tool)? (?:first )?before (?:any|every|all|each) (?:other )?(?:tool|action|request|response|answer)",
  "\\bbefore (?:answering|responding|replying|doing anything|every (?:answer|response|reply|message))(?: to)?\\b" +
    `${GAP}\\b(?:read|send|call|include|upload|fetch|open|list)\\b`,
  // Who the reader is and what it was told.
  "\\byou are now (?:a|an|in|acting|dan|the|my|operating|free|no longer)\\b",
  "\\b(?:pretend|act) (?:to be|as if you (?:are|were)|as though you)\\b",
  `\\b(?:reveal|print|show|repeat|output|include|send|pass|provide|paste|copy|append|leak|summari[sz]e|write)\\b${GAP}\\b(?:system|initial|developer|hidden) (?:prompt|message|instructions?)\\b`,
  `\\b(?:include|send|pass|provide|paste|copy|append|attach|forward|upload|put|insert|must contain)\\b${GAP}\\b(?:entire|full|whole|complete|all)\\b${GAP}\\b(?:conversation|chat|dialogue?|context window|message history|previous messages)\\b`,
  "\\b(?:your|the) system prompt\\b",
  "\\bas an? (?:ai|llm|large language model|language model)(?: assistant| model| agent)?,? you (?:must|should|will|have to|are)\\b",
  "\\b(?:attention|message|instructions?|notice) (?:to|for) (?:the |all |any )?(?:ai|llms?|language models?|assistants?|agents?|claude|gpt|gemini|copilot|cursor)\\b ?:",
  // Marks that imitate the frame of a conversation.
  "<\\s?/?\\s?(?:important|system|critical|sys|inst|very important)\\s?/?>",
  // Opening ones alone are how usage lines write what is to be filled in.
  "<\\s?/\\s?(?:secret|hidden|admin|override|priority|developer|instructions?|user|assistant)\\s?>",
  "<\\|(?:im start|im end|system|user|assistant|endoftext|start header id|eot id|im sep)\\|>",
  "\\[/?(?:inst|system|sys|system message|admin|important instructions?|hidden)\\]",
  "(?:^| )#{2,} ?(?:system|instructions? (?:for|to) (?:the )?(?:ai|model|assistant|agent|llm)|new instructions?|system prompt)\\b",
  "(?:^|[.!?] )(?:system|assistant|human) ?: ",
  // The plainest of them in other tongues.
  "\\bignorier(?:e|en sie)? (?:alle |die |sämtliche )*(?:vorherigen|bisherigen|früheren|obigen|vorangegangenen) (?:anweisungen|befehle|regeln)",
  "\\bignor(?:e|ez|er) (?:toutes )?(?:les|vos|tes) (?:instructions|consignes|règles) (?:précédentes|antérieures|ci-dessus)",
  "\\bignor[ae] (?:todas )?(?:las|tus|as|todas as) (?:instrucciones|instruções|órdenes) (?:anteriores|previas|prévias)",
  "игнорируй(?:те)? (?:все )?(?:предыдущие|прежние|прошлые) (?:инструкции|указания|команды)",
  "(?:忽略|无视|無視|忘记|忘記)[^。]{0,8}(?:之前|以上|先前|前面|此前|所有)[^。]{0,8}(?:指令|指示|说明|說明|规则|規則|提示)",
  "(?:以前|これまで|前|上記)の?(?:すべての)?(?:指示|命令|プロンプト)を(?:無視|忘れ)",
].map((source) => new RegExp(source, "u"));

/** The first order to its reader that a text holds. @param reading As `readings` gives it. @returns Its index there. */
export function findOrder(reading: string): { readonly index: number; readonly length: number } | undefined {
  let first: { readonly index: number; readonly length: number } | undefined;
  for (const order of ORDERS) {
    const found = order.exec(reading);
    if (found !== null && (first === undefined || found.index < first.index))
      first = { index: found.index, length: found[0].length };
  }
  return first;
}
