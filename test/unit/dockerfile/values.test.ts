import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../../src/dockerfile/duration.ts';
import { isSignal } from '../../../src/dockerfile/is-signal.ts';
import { parsePorts } from '../../../src/dockerfile/ports.ts';
import { findDidYouMean } from '../../../src/dockerfile/suggest.ts';

test.each([
  ['0', 0],
  ['30s', 30e9],
  ['1m30s', 90e9],
  ['1.5h', 5400e9],
  ['.5s', 0.5e9],
  ['1.s', 1e9],
  ['-2ms', -2e6],
  ['+1us', 1e3],
  ['1µs', 1e3],
  ['1h1h', 7200e9],
  ['-0', 0],
  ['', undefined],
  ['3', undefined],
  ['s', undefined],
  ['1 s', undefined],
  ['1d', undefined],
  ['.s', undefined],
  ['9223372036854775808ns', undefined],
  ['$X', undefined],
])('the duration %j is %j', (text, nanoseconds) => {
  expect(parseDuration(text)).toBe(nanoseconds);
});

describe('EXPOSE', () => {
  test.each([
    ['80', ['80/tcp']],
    ['80/', ['80/tcp']],
    ['0', ['0/tcp']],
    ['+80', ['80/tcp']],
    ['8000-8002/udp', ['8000/udp', '8001/udp', '8002/udp']],
    ['80-80', ['80/tcp']],
  ])('%s', (word, ports) => {
    expect(parsePorts(word)).toEqual({ ports, oddCasing: false, namesHost: false });
  });

  test.each([
    ['80/TCP', { ports: ['80/tcp'], oddCasing: true, namesHost: false }],
    ['8080:80', { ports: ['80/tcp'], oddCasing: false, namesHost: true }],
    ['127.0.0.1:8080-8081:80/Sctp', { ports: ['80/sctp'], oddCasing: true, namesHost: true }],
    ['[::1]:80:80', { ports: ['80/tcp'], oddCasing: false, namesHost: true }],
    ['::1:80:80', { ports: ['80/tcp'], oddCasing: false, namesHost: true }],
  ])('%s', (word, expected) => {
    expect(parsePorts(word)).toEqual(expected);
  });

  test.each([
    '',
    '/tcp',
    '80/foo',
    '90-80',
    'abc',
    '-80',
    '80-',
    '70000',
    '1:2:3:80',
    '1-2:3-5',
    'x:80',
    '1.2.3.256:1:1',
  ])('%j is refused', (word) => {
    expect(parsePorts(word)).toBeTypeOf('string');
  });
});

test.each([
  ['SIGTERM', true],
  ['term', true],
  ['Sigusr1', true],
  ['9', true],
  ['99', true],
  ['-1', true],
  ['SIGRTMIN+3', true],
  ['rtmax-14', true],
  ['RTMIN', true],
  ['0', false],
  ['', false],
  ['foo', false],
  ['SIG', false],
  ['RTMIN+16', false],
])('%j is a signal: %s', (text, expected) => {
  expect(isSignal(text)).toBe(expected);
});

test.each([
  ['COPPY', 'COPY'],
  ['copy', 'COPY'],
  ['RNU', 'RUN'],
  ['COPY', undefined],
  ['FOOBAR', undefined],
  ['XY', undefined],
  ['', undefined],
])('%j probably means %j', (word, meant) => {
  expect(findDidYouMean(word, ['ADD', 'COPY', 'RUN', 'LABEL'])).toBe(meant);
});
