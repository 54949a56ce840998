import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { orderBuilders } from '../../../src/fleet/builder-order.ts';
import { Slots } from '../../../src/fleet/slots.ts';

const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64' };
const builder = (text: string, ...platforms: string[]) => ({ text, platforms });
const named = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 2, maxLength: 8 });

describe('the order of builders', () => {
  test('depends on the key and not on the order in which they are given', () => {
    fc.assert(
      fc.property(named, fc.string(), (names, key) => {
        const all = names.map((name) => builder(name, 'linux/amd64'));
        const order = orderBuilders(all, key, AMD64);
        expect(order).toEqual(orderBuilders([...all].reverse(), key, AMD64));
        expect(new Set(order)).toEqual(new Set(all));
      }),
    );
  });

  test('stays the same for the others when one leaves', () => {
    fc.assert(
      fc.property(named, fc.string(), fc.nat(), (names, key, which) => {
        const all = names.map((name) => builder(name, 'linux/amd64'));
        const gone = all[which % all.length];
        const rest = all.filter((one) => one !== gone);
        expect(orderBuilders(rest, key, AMD64)).toEqual(
          orderBuilders(all, key, AMD64).filter((one) => one !== gone),
        );
      }),
    );
  });

  test('spreads keys over builders', () => {
    const all = ['a', 'b', 'c'].map((name) => builder(name, 'linux/amd64'));
    const first = Array.from({ length: 300 }, (_, i) => orderBuilders(all, `${i}`, AMD64)[0]!.text);
    for (const { text } of all) expect(first.filter((one) => one === text).length).toBeGreaterThan(60);
  });

  test('has those of the platform first, then those that emulate it, and no others', () => {
    const all = [
      builder('emulates', 'linux/amd64', 'linux/arm64'),
      builder('own', 'linux/arm64', 'linux/amd64'),
      builder('other', 'linux/amd64'),
    ];
    const texts = orderBuilders(all, 'key', ARM64).map(({ text }) => text);
    expect(texts).toEqual(['own', 'emulates']);
  });
});

describe('places of a builder', () => {
  test('are never more than there are; who waits comes in turn; an aborted wait takes none', async () => {
    const slots = new Slots(2);
    const { signal } = new AbortController();
    const leaving = new AbortController();
    const order: string[] = [];
    let waiting = 0;
    const take = (name: string, by = signal) => slots.take(() => waiting++, by).then(() => order.push(name));
    await Promise.all([take('a'), take('b')]);
    const later = [take('c'), take('gone', leaving.signal).catch(() => order.push('left')), take('d')];
    await Promise.resolve();
    expect([waiting, order]).toEqual([3, ['a', 'b']]);
    leaving.abort();
    slots.free();
    slots.free();
    await Promise.all(later);
    expect(order.filter((name) => name !== 'left')).toEqual(['a', 'b', 'c', 'd']);
    expect(order).not.toContain('gone');
  });
});
