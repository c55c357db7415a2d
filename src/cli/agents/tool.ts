/**
 * What a tool of the MCP server is.
 */
import type { Board } from "../writing.ts";
import { invalid } from "./input.ts";
import type { Schema } from "./schemas.ts";

/** What a call may use. */
export interface Calling {
  /** The run's blackboard, which must exist. */
  board(): Promise<Board>;
  /** The same, creating its file or tables. */
  create(): Promise<Board>;
  /** Aborts when the client cancels the call or the connection ends. */
  signal: AbortSignal;
}

type Valid<T> = { valid: true; data: T } | { valid: false; data: undefined; errorMessage: string };

/** Makes the validator of a JSON Schema. */
type Validate = <T>(schema: Schema) => (value: unknown) => Valid<T>;

export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required: readonly string[];
  /** Whether it only reads. */
  readonly reads: boolean;
  /** Returns the function that checks the arguments against the schema and calls the tool. */
  bind(validate: Validate, schema: Schema): (given: unknown, calling: Calling) => Promise<object>;
}

interface Definition<Asked> {
  name: string;
  description: string;
  properties: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  reads?: boolean;
  call(asked: Asked, calling: Calling): Promise<object>;
}

/** `Asked` is what the schema of its properties admits. */
export function tool<Asked>({ required = [], reads = false, call, ...named }: Definition<Asked>): Tool {
  return {
    ...named,
    required,
    reads,
    bind: (validate, schema) => {
      const check = validate<Asked>(schema);
      return async (given, calling) => {
        const checked = check(given);
        if (!checked.valid) throw invalid("arguments", checked.errorMessage);
        return await call(checked.data, calling);
      };
    },
  };
}
