/** What the tracing channel costs while nothing subscribes: a call through one more traced method. */
import { traceMethods } from "../../src/trace.ts";
import { type Board, runId } from "../sites.ts";
import { calling, reading, type Subject } from "../subject.ts";

class Plain {
  readonly runId = runId;
  readonly #board: Board;
  constructor(board: Board) {
    this.#board = board;
  }
  getRun() {
    return this.#board.getRun();
  }
}

class Traced extends Plain {
  override getRun() {
    return super.getRun();
  }
}
traceMethods(Traced.prototype, []);

export const tracing: Subject = {
  name: "tracing",
  lines: [
    {
      name: "getRun, traced without subscribers",
      levels: reading,
      sides(sites) {
        const board = sites.board();
        const [traced, plain] = [new Traced(board), new Plain(board)];
        return { ours: calling(() => traced.getRun()), raw: calling(() => plain.getRun()) };
      },
    },
  ],
};
