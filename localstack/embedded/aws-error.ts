/** An error as AWS services answer it: a name that the SDK makes the error's name, and a sentence. */
export class AwsError extends Error {
  readonly status: number;

  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }
}
