import type { RunInstruction } from '../ast.ts';
import { type FlagKind, Flags } from '../flags.ts';
import { readMountFlag } from '../mount.ts';
import { common, failure, readCommand, type Statement } from '../statement.ts';
import { findDidYouMean } from '../suggest.ts';

const FLAGS: Record<string, FlagKind> = {
  mount: 'values',
  network: 'value',
  security: 'value',
  device: 'values',
};
const CHOICES = { network: ['default', 'none', 'host'], security: ['sandbox', 'insecure'] };

/** `RUN [flags] command`, in shell form, exec form, or with here-documents. */
export function readRun(statement: Statement): RunInstruction {
  const flags = new Flags(statement, FLAGS);
  const command = readCommand(statement, statement.rest);
  const network = choice(statement, flags, 'network');
  const security = choice(statement, flags, 'security');
  return {
    kind: 'RUN',
    ...common(statement),
    command,
    heredocs: statement.heredocs,
    mounts: flags.values('mount').map((value) => readMountFlag(value, statement.source)),
    ...(network && { network }),
    ...(security && { security }),
    devices: flags.values('device'),
  };
}

function choice(statement: Statement, flags: Flags, name: keyof typeof CHOICES) {
  const [value] = flags.values(name);
  if (!value || CHOICES[name].includes(value.text)) return value;
  const meant = findDidYouMean(value.text, CHOICES[name]);
  throw failure(statement, 'FLAG_VALUE', `--${name} cannot be "${value.text}"`, {
    location: value.location,
    hint: meant ? `Did you mean ${meant}?` : `It is one of ${CHOICES[name].join(', ')}.`,
  });
}
