/** What the briefs of each role carry: `file` for one file, `folder` for one at the top, `survey` for the whole. */
import * as v from "valibot";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const payload = v.object({
  /** Relative to the surveyed folder, with slashes; `.` is that folder itself, and stands for the files directly in it. */
  path: v.string(),
});
const sum = { files: count, bytes: count, lines: count };
/** The sum of the files that could be measured. */
const rollup = v.object({ ...sum, languages: v.record(v.string(), v.object(sum)) });

export const roles = {
  file: {
    payload,
    result: v.object({
      bytes: count,
      /** Newlines, and one more if the last line has none at its end; a binary file has none. */
      lines: count,
      language: v.string(),
      /** In characters of UTF-8; line ends are none. */
      longestLine: count,
      /** Lines that say, as a word of its own, that something is still to be done or to be fixed. */
      todos: count,
    }),
  },
  folder: { payload, result: rollup },
  survey: { payload, result: rollup },
};

export type FileResult = v.InferOutput<typeof roles.file.result>;
export type Rollup = v.InferOutput<typeof rollup>;
