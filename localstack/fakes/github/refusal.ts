/** An answer that is no success. `message` is GitHub's word for it, where a client may read it. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: readonly object[] | undefined;

  constructor(
    status: number,
    message: string,
    options: { headers?: Record<string, string>; errors?: readonly object[] } = {},
  ) {
    super(message);
    this.status = status;
    this.headers = options.headers ?? {};
    this.errors = options.errors;
  }

  get body(): object {
    return {
      message: this.message,
      ...(this.errors === undefined ? {} : { errors: this.errors }),
      documentation_url: "https://docs.github.com/rest",
      status: String(this.status),
    };
  }
}

export const notFound = () => new Refusal(404, "Not Found");
export const unprocessable = (message: string, errors?: readonly object[]) =>
  new Refusal(422, message, errors === undefined ? {} : { errors });
