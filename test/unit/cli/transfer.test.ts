import { describe, expect, it } from 'vitest';
import { TransferView } from '../../../src/cli/print/transfer-progress.ts';
import type { TransferProgress } from '../../../src/events/transfer.ts';
import { sha256 } from '../../../src/image/digest.ts';
import { fakeIo, Screen } from '../../support/fake-io.ts';

const digest = sha256('a');
const id = digest.slice(7, 19);
const at = (state: TransferProgress['state'], moved: number): TransferProgress => ({
  item: digest,
  size: 4000,
  state,
  moved,
});

describe('progress of a pull or push', () => {
  it('is a line for each blob in a pipe, when it is over', () => {
    const { io, stderr } = fakeIo();
    const view = new TransferView(io, 'push');
    for (const progress of [at('waiting', 0), at('moving', 0), at('moving', 2000), at('done', 4000)]) {
      view.onProgress(progress);
    }
    view.onProgress({ ...at('mounted', 4000), item: sha256('b') });
    view.end();
    expect(stderr.text).toBe(`${id}: pushed (4kB)\n${sha256('b').slice(7, 19)}: mounted (4kB)\n`);
  });

  it('is left as it ended on a terminal, once', () => {
    const { io } = fakeIo();
    const screen = new Screen({ columns: 60, rows: 20 });
    io.stderr = screen;
    const view = new TransferView(io, 'pull');
    view.onProgress(at('moving', 2000));
    view.onProgress(at('done', 4000));
    view.end();
    view.end();
    expect(screen.text.match(/downloaded/g)).toHaveLength(1);
    expect(screen.text).toContain(`${id}      4kB  downloaded`);
  });

  it('shows a bar per moving blob, within the width of the terminal', () => {
    const { io } = fakeIo({ env: { NO_COLOR: '1' } });
    const screen = new Screen({ columns: 60, rows: 20 });
    io.stderr = screen;
    const view = new TransferView(io, 'pull');
    view.onProgress(at('moving', 2000));
    view.end();
    expect(screen.text).toContain(`[${'='.repeat(12)}${' '.repeat(12)}] `);
    const line = screen.text.replace('\x1b[2K', '').trimEnd();
    expect(line.length).toBeLessThan(60);
  });
});
