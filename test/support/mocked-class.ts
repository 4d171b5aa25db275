import { mockClient } from "aws-sdk-client-mock";
import { afterAll } from "vitest";

/** `mockClient` of a whole class, until the end of the file: a class that stays mocked would answer for the files that follow. */
export const mockedClass: typeof mockClient = (client) => {
  const mock = mockClient(client);
  afterAll(() => mock.restore());
  return mock;
};
