/**
 * Values that break code which inspects them, or would make it run endlessly. Each is created on demand, because some
 * are large.
 */

/** Control and format characters (including bidirectional ones), line separators, lone surrogates. */
export const steering = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const fail = (): never => {
  throw new TypeError("a trap or getter was run");
};

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

const traps: ProxyHandler<object> = {
  get: fail,
  has: fail,
  ownKeys: fail,
  getOwnPropertyDescriptor: fail,
  getPrototypeOf: fail,
};

const steered = "\u001b[2J\u202e\u2028\u2029\u200b\n\r\0\ud800\u{e0041}";

/** So long that quadratic work would never end. */
const long = 1_000_000;

export const hostile: [string, () => unknown][] = [
  ["a revoked proxy of an object", () => revoked({})],
  ["a revoked proxy of an array", () => revoked([])],
  ["a revoked proxy of a function", () => revoked(() => undefined)],
  ["a proxy whose traps throw", () => new Proxy({}, traps)],
  ["an object with a revoked proxy in it", () => ({ a: revoked({}) })],
  ["an object below a revoked proxy", () => Object.create(revoked({}) as object)],
  ["an object whose getter throws", () => Object.defineProperty({}, "a", { get: fail, enumerable: true })],
  ["an object whose toStringTag throws", () => Object.defineProperty({}, Symbol.toStringTag, { get: fail })],
  ["an object whose constructor throws", () => Object.create(Object.defineProperty({}, "constructor", { get: fail }))],
  ["an object that does not become text", () => ({ toString: fail, valueOf: fail, [Symbol.toPrimitive]: fail })],
  ["an object with its own inspect method", () => ({ [Symbol.for("nodejs.util.inspect.custom")]: fail })],
  ["an error whose message throws", () => Object.defineProperty(new Error(), "message", { get: fail })],
  ["a key of a million spaces", () => ({ [" ".repeat(long)]: 1 })],
  ["a key of a million line ends", () => ({ ["\n".repeat(long)]: 1 })],
  ["a string of a million spaces", () => " ".repeat(long)],
  ["a string of a million line ends", () => "\n ".repeat(long / 2)],
  ["keys and texts with terminal control characters", () => ({ [steered]: steered })],
  ["a text with terminal control characters", () => steered],
  ["a symbol with terminal control characters", () => Symbol(steered)],
  [
    "a function whose name has terminal control characters",
    () => Object.defineProperty(() => 1, "name", { value: steered }),
  ],
  [
    "a class whose name has terminal control characters",
    () => new (Object.defineProperty(class {}, "name", { value: steered }))(),
  ],
  ["a bigint of 2 million digits", () => 1n << 8_000_000n],
  ["an array of four billion holes", () => Object.assign([], { length: 2 ** 32 - 1 })],
  ["an array of 100,000", () => Array.from({ length: 100_000 }, () => steered)],
  ["20,000 keys", () => Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`key ${n}`, n]))],
  ["a MB of bytes", () => new Uint8Array(long)],
  ["a string object of a million characters", () => new String(" ".repeat(long))],
  ["a chain of 100,000 objects", chain],
];

function chain(): unknown {
  let value: unknown = null;
  for (let level = 0; level < 100_000; level++) value = { next: value };
  return value;
}
