/** Payload and result of each role: `file` for a file, `folder` for a top-level folder, `survey` for the whole. */
import * as v from "valibot";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const payload = v.object({
  /** Relative to the surveyed folder, with slashes. For a folder, `.` means the files directly in the surveyed folder. */
  path: v.string(),
});
const sum = { files: count, bytes: count, lines: count };
/** The totals of all measured files. */
const rollup = v.object({ ...sum, languages: v.record(v.string(), v.object(sum)) });

/** The brief of the role `survey`. */
export const wholeId = "survey";

export const roles = {
  file: {
    payload,
    result: v.object({
      bytes: count,
      /** Number of lines, including a last line without newline; 0 for a binary file. */
      lines: count,
      language: v.string(),
      /** Length in UTF-8 characters, without the line end. */
      longestLine: count,
      /** Number of lines that contain the marker of an open task as a separate word. */
      todos: count,
    }),
  },
  folder: { payload, result: rollup },
  survey: { payload, result: rollup },
};

export type FileResult = v.InferOutput<typeof roles.file.result>;
export type Rollup = v.InferOutput<typeof rollup>;
