import { wellFormedJson } from "../../../functions/contracts/text.ts";
import { AwsError } from "../aws-error.ts";

/** Throws AwsError for a call whose JSON holds a lone surrogate: AWS takes text in UTF-8. */
export function checkText(body: Buffer, input: object): void {
  if (!body.includes("\\ud") && !body.includes("\\uD")) return;
  const json = JSON.stringify(input);
  if (wellFormedJson(json) !== json)
    throw new AwsError("SerializationException", "the body holds half of a surrogate pair, which UTF-8 can't express");
}
