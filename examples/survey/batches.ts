/**
 * Many rows a commit. A commit waits for the disk, so one for each row would take minutes where one for a hundred takes
 * seconds; and a batch is short enough that Ctrl-C is heard between two of them.
 */
const batchSize = 100;

export async function* batches<T>(items: AsyncIterable<T>): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
