import { describe, expect, test } from 'vitest';
import { withoutSkipped } from '../../../src/dockerfile/checks/check-text.ts';
import { namesSecret } from '../../../src/secrets/secret-names.ts';
import { parse, refusal } from './support.ts';

const found = (text: string) =>
  parse(text).diagnostics.map(({ code, location }) => `${code} ${location.line}:${location.column}`);

// The ids are what a current BuildKit reports for the same file.
describe('checks of the text', () => {
  test.each<[text: string, found: string[]]>([
    ['FROM scratch\nLABEL a=b\n', []],
    ['FROM scratch AS A_b\n', ['StageNameCasing 1:17']],
    ['from scratch AS x\nenv a=b\n', ['FromAsCasing 1:14']],
    ['FROM scratch as x\n', ['FromAsCasing 1:14']],
    ['fRom scratch AS x\nenv a=b\nonbuild RUN x\n', ['ConsistentInstructionCasing 1:1']],
    [
      'FROM scratch\nlabel a=b\nLabel b=c\nENV x=y\n',
      ['ConsistentInstructionCasing 2:1', 'ConsistentInstructionCasing 3:1'],
    ],
    ['arg x=1\nFROM scratch\n', []],
    ['FROM scratch\nLABEL a=b \\\n\n  c=d\n', ['NoEmptyContinuation 3:1']],
    ['FROM scratch AS x\nFROM scratch AS X\n', ['DuplicateStageName 2:17', 'StageNameCasing 2:17']],
    ['FROM scratch AS scratch\n', ['ReservedStageName 1:17']],
    ['FROM scratch AS context\n', ['ReservedStageName 1:17']],
    ['FROM scratch\nMAINTAINER a b\n', ['MaintainerDeprecated 2:1']],
    ['FROM scratch\nENV a b c\nLABEL a  b c\n', ['LegacyKeyValueFormat 2:1', 'LegacyKeyValueFormat 3:1']],
    ['FROM scratch\nONBUILD ENV a b c\n', []],
    ['FROM scratch\nONBUILD COPY x\n', ['InvalidOnbuildTrigger 2:1']],
    ['FROM scratch\nCMD x\n', ['JSONArgsRecommended 2:1']],
    ['FROM scratch\nENTRYPOINT\n', ['JSONArgsRecommended 2:1']],
    ['FROM scratch\nCMD []\nENTRYPOINT ["a"]\n', []],
    ['FROM scratch\nSHELL ["a"]\nCMD x\n', []],
    [
      'FROM scratch\nCMD ["x"]\nCMD ["y"]\nHEALTHCHECK NONE\nHEALTHCHECK NONE\nUSER 1\nUSER 2\n',
      ['MultipleInstructionsDisallowed 2:1', 'MultipleInstructionsDisallowed 4:1'],
    ],
    ['FROM scratch\nCMD ["x"]\nFROM scratch\nCMD ["y"]\n', []],
    // Experimental checks run when they are asked for.
    ['# foo\nARG FOO=1\nFROM scratch\n', []],
    [
      '# check=experimental=all\n# foo\nARG FOO=1\n# st is a stage\nFROM scratch AS ST\n',
      ['InvalidDefinitionDescription 3:1', 'StageNameCasing 5:17'],
    ],
    [
      '# check=experimental=InvalidDefinitionDescription\n# foo\n\nARG FOO=1\nFROM scratch\n',
      ['InvalidDefinitionDescription 4:1'],
    ],
    ['# check=experimental=all\n# foo\n#\nARG FOO=1\nFROM scratch\n', []],
    ['# check=experimental=all\n# B is\nARG A B\nFROM scratch\n', []],
    // What the file skips.
    [
      '# check=skip=MaintainerDeprecated;error=true\nFROM scratch\nMAINTAINER x\nCMD x\n',
      ['JSONArgsRecommended 4:1'],
    ],
    ['# check=skip=all\nFROM scratch\nMAINTAINER x\n', []],
    ['FROM scratch\n# check=skip=MaintainerDeprecated // why\nMAINTAINER x\n', []],
    ['FROM scratch\n# check=skip=all\n# x\nMAINTAINER x\nMAINTAINER y\n', ['MaintainerDeprecated 5:1']],
    ['# check=experimental=all\n# A is\n# check=skip=Other\nARG A\nFROM scratch\n', []],
  ])('%j', (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  test('checks that only matter when a stage is built name it', () => {
    const [first, second] = parse('FROM a\nMAINTAINER x\nFROM b\nCMD x\n').diagnostics;
    expect([first!.stage, second!.stage]).toEqual([undefined, 1]);
  });

  test('findings of other rooms are filtered in the same way', () => {
    const { checks, stages } = parse(
      '# check=skip=A\nFROM x\n# check=skip=B\nLABEL a=b \\\n c=d\nLABEL b=c\n',
    );
    const at = (code: string, line: number) => ({
      code,
      message: '',
      location: { file: '', line, column: 1 },
    });
    const all = [at('A', 2), at('B', 2), at('B', 4), at('B', 5), at('C', 5), at('B', 6)];
    const left = withoutSkipped(all, checks, stages[0]!.instructions);
    expect(left.map(({ code, location }) => `${code}${location.line}`)).toEqual(['B2', 'C5', 'B6']);
  });

  test('a check comment that cannot be read is refused', () => {
    expect(refusal('FROM x\n# check=skip\nLABEL a=b\n')).toMatchObject({
      code: 'CHECK_OPTION',
      location: { line: 3 },
    });
  });
});

test.each([
  ['API_KEY', true],
  ['GITHUB_TOKEN', true],
  ['secret_message', true],
  ['AUTH', true],
  ['Credentials', true],
  ['TOKEN_FILE', false],
  ['PUBLIC_KEY', false],
  ['KEYBOARD', false],
  ['AUTHOR', false],
])('%s names a secret: %s', (name, expected) => {
  expect(namesSecret(name)).toBe(expected);
});
