import { expect, it } from "vitest";
import { idOfTooLong } from "../../../../src/upstream/transports/lost-answers.ts";

/** Messages as servers write them, without their middle. */
it.each([
  ["the id right after the version", '{"jsonrpc":"2.0","id":12,"result":{"a":"', '"}}', 12],
  ["spaces, as Python writes", '{"jsonrpc": "2.0", "id": 3, "result": {"a": "', '"}}', 3],
  ["the id first", '{"id":"a-1","jsonrpc":"2.0","result":{', "}}", "a-1"],
  ["the id last", '{"result":{"content":[', ']},"jsonrpc":"2.0","id":4}', 4],
  ["the id before the version at the end", '{"result":{"content":[', ']},"id":"x","jsonrpc":"2.0"}', "x"],
  ["a negative id", '{"jsonrpc":"2.0","id":-1,"result":{', "}}", -1],
])("finds %s", (_, head, tail, id) => {
  expect(idOfTooLong({ head, tail })).toBe(id);
});

it.each([
  ["inside the answer, last", '{"jsonrpc":"2.0","result":{"a":"', '","id":5}}'],
  ["inside the answer's text", '{"jsonrpc":"2.0","result":{"a":"', String.raw`,\"id\":5}"}}`],
  ["a notification's", '{"jsonrpc":"2.0","method":"m","params":{"id":5,', '"id":5}}'],
  ["no number and no text", '{"jsonrpc":"2.0","id":null,"error":{', "}}"],
  ["longer than ids are", `{"jsonrpc":"2.0","id":${"1".repeat(40)},"result":{`, "}}"],
  ["no message at all", "xxxxxxxx", "xxxxxxxx"],
])("takes no id that is %s", (_, head, tail) => {
  expect(idOfTooLong({ head, tail })).toBeUndefined();
});
