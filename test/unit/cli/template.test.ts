import { describe, expect, it } from 'vitest';
import { printList } from '../../../src/cli/print/list-output.ts';
import { compileTemplate } from '../../../src/cli/print/template/compile.ts';
import { Absent } from '../../../src/cli/print/template/values.ts';
import { fakeIo } from '../../support/fake-io.ts';

const image = {
  Id: 'sha256:12',
  Size: 1024,
  RepoTags: ['a:1', 'b:2'],
  Config: {
    User: '',
    Env: ['A=1', 'B=2'],
    Labels: new Map([
      ['x.y', 'z'],
      ['a', 'b'],
    ]),
    Cmd: Absent.list,
    Healthcheck: Absent.optional('object'),
  },
};

describe('control characters', () => {
  const row = { Name: 'a\x1b[31mb\x9bc\u202ed' };
  const list = { columns: [['Name', 'NAME']] as [string, string][], rows: [row], shrink: [], facts: [row] };

  it('is only shown there', () => {
    const { io, stdout } = fakeIo();
    stdout.isTTY = true;
    printList(io, list, { format: '{{.Name}}' });
    expect(stdout.text).toBe('a\\x1b[31mb\\x9bc\\u202ed\n');
  });

  it('comes to programs as it is, in JSON as JSON has it', () => {
    const plain = fakeIo();
    printList(plain.io, list, { format: '{{.Name}}' });
    expect(plain.stdout.text).toBe(`${row.Name}\n`);
    const json = fakeIo();
    printList(json.io, list, { json: true });
    expect(json.stdout.text).not.toMatch(/[^\n\x20-\x7e]/);
    expect(JSON.parse(json.stdout.text)).toEqual([row]);
  });
});

describe('widths', () => {
  it.each(['{{printf "%999999999999d" .Size}}', '{{printf "%-99999999s" .Id}}', '{{pad .Id 999999999 1}}'])(
    'that would fill the memory are refused: %s',
    (text) => {
      expect(() => compileTemplate(text)(image)).toThrowError(/width of \d+/);
    },
  );

  it('and decimals end where numbers do', () => {
    expect(compileTemplate('{{printf "%.999f" .Size}}')(image)).toBe(`1024.${'0'.repeat(100)}`);
  });
});

describe('templates', () => {
  it.each([
    ['plain', 'plain'],
    ['{{.Id}}', 'sha256:12'],
    ['{{ .Config.User }}|', '|'],
    ['{{.Size}} bytes', '1024 bytes'],
    ['{{json .Config.Env}}', '["A=1","B=2"]'],
    ['{{.Config.Env | json}}', '["A=1","B=2"]'],
    ['{{json .Config.Cmd}}', 'null'],
    ['{{.Config.Env}}', '[A=1 B=2]'],
    ['{{.Config.Labels}}', 'map[a:b x.y:z]'],
    ['{{.Config.Cmd}} {{.Config.Healthcheck}} {{.Config.Labels.none}}', '[] <nil> <no value>'],
    ['{{json .Config}}', '{"User":"","Env":["A=1","B=2"],"Labels":{"x.y":"z","a":"b"},"Cmd":null}'],
    ['{{json .Config.Healthcheck}}', 'null'],
    ['{{index .RepoTags 0}}', 'a:1'],
    ['{{index .Config.Labels "x.y"}}', 'z'],
    ['{{join .RepoTags ", "}}', 'a:1, b:2'],
    ['{{len .RepoTags}}', '2'],
    ['{{upper .Id}}{{lower "X"}}', 'SHA256:12x'],
    ['{{range .Config.Env}}<{{.}}>{{end}}', '<A=1><B=2>'],
    ['{{range .Config.Env}}{{println .}}{{end}}', 'A=1\nB=2\n'],
    ['{{range .Config.Cmd}}x{{else}}none{{end}}', 'none'],
    ['{{if .Config.User}}user{{else}}root{{end}}', 'root'],
    ['{{if .Id}}{{if .Config.User}}a{{else}}b{{end}}{{end}}', 'b'],
    ['{{"}}"}}', '}}'],
    ['{{index .Config.Labels "none"}}|', '|'],
    ['{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}', 'a=b;x.y=z;'],
    ['{{range $i, $e := .RepoTags}}{{if $i}}, {{end}}{{$e}}{{end}}', 'a:1, b:2'],
    [
      '{{$first := true}}{{range .RepoTags}}{{if not $first}}+{{end}}{{.}}{{$first = false}}{{end}}',
      'a:1+b:2',
    ],
    ['{{with .Config}}{{len .Env}}{{$.Id}}{{end}}', '2sha256:12'],
    ['{{with .Config.User}}x{{else}}{{.Size}}{{end}}', '1024'],
    ['{{if eq .Size 1}}one{{else if gt .Size 1000}}many{{else}}some{{end}}', 'many'],
    ['{{if and .Id (not .Config.User)}}root{{end}}', 'root'],
    ['{{or .Config.User "root"}}', 'root'],
    ['{{if eq .Id "a" "sha256:12"}}yes{{end}}', 'yes'],
    ['{{(index .RepoTags 0) | upper}}', 'A:1'],
    ['{{index (split (index .RepoTags 0) ":") 1}}', '1'],
    ['{{printf "%-8s|%5d|%q|%%" .Id .Size (index .RepoTags 1)}}', 'sha256:12| 1024|"b:2"|%'],
    ['{{slice .Id 7}} {{truncate .Id 3}} {{title "ab cd"}}{{pad "x" 1 2}}.', '12 sha Ab Cd x  .'],
    ['a {{- /* nothing */ -}} b', 'ab'],
    ['a {{- .Size -}} b', 'a1024b'],
    ['{{`raw "text"`}}{{true}}', 'raw "text"true'],
    ['{{len .Config.Cmd}}{{join .Config.Cmd ","}}', '0'],
  ])('%s', (template, text) => {
    expect(compileTemplate(template)(image)).toBe(text);
  });

  it.each([
    '{{.Id',
    '{{}}',
    '{{end}}',
    '{{if .Id}}',
    '{{nope .Id}}',
    '{{json}}',
    '{{.Id .Size}}',
    '{{Id}}',
    '{{if .Id}}a{{else}}b{{else}}c{{end}}',
    '{{join .RepoTags}}',
    '{{(.Id}}',
    '{{.Id)}}',
    '{{define "x"}}{{end}}',
    '{{.Id "x}}',
    '{{index .Id "\\x"}}',
  ])('refuses %s', (template) => {
    expect(() => compileTemplate(template)).toThrow(expect.objectContaining({ code: 'USAGE', exitCode: 2 }));
  });

  it.each([
    ['{{.Idd}}', 'unknown field .Idd', 'Did you mean .Id?'],
    [
      '{{.Config.Nope}}',
      'unknown field .Nope in .Config',
      'Fields are .User, .Env, .Labels, .Cmd, .Healthcheck.',
    ],
    ['{{.Id.Nope}}', 'unknown field .Nope in .Id', '.Id is "sha256:12".'],
    [
      '{{.Config.Healthcheck.Test}}',
      'cannot read .Test: .Config.Healthcheck is empty',
      '{{if .Config.Healthcheck}}',
    ],
    ['{{index .RepoTags 2}}', 'index 2 of a list of 2', 'Test it first'],
    ['{{join .Id ","}}', 'join of sha256:12', 'list'],
    ['{{range .Size}}{{end}}', 'range over 1024', 'range takes a list'],
    ['{{$x}}', 'unknown variable $x', ':='],
    ['{{lt .Id .Size}}', 'lt of sha256:12 and 1024', 'compared'],
  ])('%s gives an error with a hint', (template, message, hint) => {
    expect(() => compileTemplate(template)(image)).toThrow(
      expect.objectContaining({
        code: 'FORMAT_FAILED',
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      }),
    );
  });

  it('names the function that was meant', () => {
    expect(() => compileTemplate('{{jsn .Id}}')).toThrow(/unknown function "jsn"; did you mean "json"/);
    expect(() => compileTemplate('{{Id}}')).toThrow(/fields begin with a dot: .Id/);
  });
});
