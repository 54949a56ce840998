import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../../../src/cli/template.ts';

const image = {
  Id: 'sha256:12',
  Size: 1024,
  RepoTags: ['a:1', 'b:2'],
  Config: { User: '', Env: ['A=1', 'B=2'], Labels: { 'x.y': 'z' }, Cmd: null, Healthcheck: undefined },
};

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
    ['{{.Config.Labels}}', 'map[x.y:z]'],
    ['{{.Nothing.There}}', '<no value>'],
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
    '{{index .Id "\\x"}}',
  ])('refuses %s', (template) => {
    expect(() => compileTemplate(template)).toThrow(expect.objectContaining({ code: 'USAGE', exitCode: 2 }));
  });
});
