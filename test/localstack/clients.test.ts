import { SQSClient } from "@aws-sdk/client-sqs";
import { pino } from "pino";
import { expect, it } from "vitest";
import { clientsOf } from "../../localstack/embedded/clients.ts";

const FOR_HTTP = [
  "getUserAgent",
  "hostHeader",
  "recursionDetection",
  "contentLength",
  "httpAuthScheme",
  "httpSigning",
  "logger",
];

/** Takes the steps off the client, and answers those that it had. */
const stepsOf = ({ middlewareStack }: Pick<SQSClient, "middlewareStack">): readonly string[] =>
  FOR_HTTP.filter((name) => middlewareStack.remove(`${name}Middleware`));

it("clients of this process take no steps that only a server needs, which clients of AWS have", () => {
  const unused = () => Promise.reject(new Error("no call is made"));
  const { dynamodb, sqs, sfn, secrets, events } = clientsOf(
    { call: unused, judge: unused },
    "runtime",
    pino({ level: "silent" }),
  );
  expect(stepsOf(new SQSClient({}))).toEqual(FOR_HTTP);
  for (const client of [dynamodb, sqs, sfn, secrets, events])
    expect(stepsOf(client as Pick<SQSClient, "middlewareStack">)).toEqual([]);
});
