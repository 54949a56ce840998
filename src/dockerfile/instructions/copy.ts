import type { CopyInstruction, Heredoc, Word } from '../ast.ts';
import { type FlagKind, Flags } from '../flags.ts';
import { parseHeredocSign } from '../heredoc.ts';
import { splitBlank } from '../scan.ts';
import { common, failure, jsonWords, kindOf, type Statement } from '../statement.ts';

const SHARED: Record<string, FlagKind> = {
  chown: 'value',
  chmod: 'value',
  link: 'switch',
  exclude: 'values',
};
const FLAGS: Record<string, Record<string, FlagKind>> = {
  COPY: { from: 'value', parents: 'switch', ...SHARED },
  ADD: { checksum: 'value', unpack: 'switch', 'keep-git-dir': 'switch', ...SHARED },
};

/** `COPY [flags] source… destination`, ADD likewise, or both in JSON form. */
export function readCopy(statement: Statement): CopyInstruction {
  const kind = kindOf(statement) as CopyInstruction['kind'];
  const json = jsonWords(statement, statement.rest);
  const words = json ?? splitBlank(statement.line, statement.rest);
  const destination = words.at(-1);
  if (!destination || words.length < 2) {
    throw failure(statement, 'DOCKERFILE_SYNTAX', `${kind} needs at least one source and a destination`, {
      hint: `Write ${kind} source destination.`,
    });
  }
  if (parseHeredocSign(destination.text)) {
    throw failure(
      statement,
      'DOCKERFILE_SYNTAX',
      `${kind} has a here-document where its destination should be`,
      {
        location: destination.location,
        hint: 'The destination comes last, after the here-document.',
      },
    );
  }
  const flags = new Flags(statement, FLAGS[kind]);
  const one = (name: string) => flags.value(name);
  const from = one('from');
  const chown = one('chown');
  const chmod = one('chmod');
  const checksum = one('checksum');
  const link = flags.switch('link');
  const parents = flags.switch('parents');
  const unpack = flags.switch('unpack');
  const keepGitDir = flags.switch('keep-git-dir');
  return {
    kind,
    ...common(statement),
    ...sourcesOf(statement, words.slice(0, -1)),
    destination,
    exclude: flags.values('exclude'),
    ...(from && { from }),
    ...(chown && { chown }),
    ...(chmod && { chmod }),
    ...(checksum && { checksum }),
    ...(link && { link }),
    ...(parents && { parents }),
    ...(unpack && { unpack }),
    ...(keepGitDir && { keepGitDir }),
  };
}

/** Separates here-documents from paths. Of two here-documents with the same name, the last one's body is used. */
function sourcesOf(statement: Statement, words: Word[]): { sources: Word[]; heredocs: Heredoc[] } {
  const sources: Word[] = [];
  const heredocs: Heredoc[] = [];
  for (const word of words) {
    const sign = parseHeredocSign(word.text);
    const heredoc = sign && statement.heredocs.findLast(({ name }) => name === sign.name);
    if (heredoc && /^\.{1,2}$|\//.test(heredoc.name)) {
      throw failure(
        statement,
        'DOCKERFILE_SYNTAX',
        `the here-document "${heredoc.name}" cannot name a file`,
        {
          location: word.location,
          hint: 'The delimiter is the name of the file that is copied: choose a word without slashes.',
        },
      );
    }
    if (heredoc) heredocs.push(heredoc);
    else sources.push(word);
  }
  return { sources, heredocs };
}
