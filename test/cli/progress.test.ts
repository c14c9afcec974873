import { describe, expect, it } from 'vitest';
import { makeLog } from '../../cli/log.ts';
import { describeRate, formatSeconds, startProgress } from '../../cli/progress.ts';

function recorder(isTTY: boolean) {
  let text = '';
  const stream = {
    isTTY,
    columns: 120,
    write: (chunk: string) => (text += chunk),
    on: () => {},
    removeListener: () => {},
  };
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text };
}

describe('progress without a terminal', () => {
  it('prints a line per interval and a summary', async () => {
    const { stream, text } = recorder(false);
    let time = 0;
    const progress = await startProgress({ total: 10, log: makeLog({ stream }), intervalMs: 1000, now: () => time });
    for (let i = 0; i < 10; i++) {
      time += 400;
      progress.advance(1, `${i}.png`);
      if (i === 3) progress.note('3.png: skipped');
    }
    progress.finish();
    expect(text().split('\n')).toEqual([
      '3/10 img, 2.50 img/s, 2.8 s left, 2.png',
      '3.png: skipped',
      '6/10 img, 2.50 img/s, 1.6 s left, 5.png',
      '9/10 img, 2.50 img/s, 0.4 s left, 8.png',
      '10/10 img in 4.0 s (2.50 img/s)',
      '',
    ]);
  });

  it('says nothing when quiet', async () => {
    const { stream, text } = recorder(false);
    const progress = await startProgress({ total: 2, log: makeLog({ stream, quiet: true }), intervalMs: 0 });
    progress.advance(1);
    progress.note('x');
    progress.finish();
    expect(text()).toBe('');
  });
});

it('draws a bar on a terminal', async () => {
  const { stream, text } = recorder(true);
  let clock = 0;
  const progress = await startProgress({ total: 2, log: makeLog({ stream }), now: () => (clock += 500) });
  progress.advance(2, 'b.png');
  progress.finish();
  expect(text()).toMatch(/100% \| 2\/2 img \| .*img.* \| b\.png/);
});

describe('rates and durations', () => {
  it('choose readable units', () => {
    expect(formatSeconds(8.44)).toBe('8.4 s');
    expect(formatSeconds(47.2)).toBe('47 s');
    expect(formatSeconds(200)).toBe('3 min 20 s');
    expect(formatSeconds(7500)).toBe('2 h 5 min');
    expect(describeRate({ done: 1, seconds: 45 }, 4, 'img')).toBe('45 s/img, 2 min 15 s left');
    expect(describeRate({ done: 0, seconds: 5 }, 4, 'img')).toBe('starting');
  });
});
