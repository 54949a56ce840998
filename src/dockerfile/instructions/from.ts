import type { FromInstruction } from '../ast.ts';
import { Flags } from '../flags.ts';
import { splitBlank } from '../scan.ts';
import { common, failure, type Statement } from '../statement.ts';

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/;

/** `FROM [--platform=P] image [AS name]` */
export function readFrom(statement: Statement): FromInstruction {
  const [image, as, name, ...others] = splitBlank(statement.line, statement.rest);
  const named = as?.text.toUpperCase() === 'AS' && name !== undefined;
  if (!image || others.length > 0 || (as && !named)) {
    throw failure(
      statement,
      'DOCKERFILE_SYNTAX',
      'FROM takes an image, and AS with a name if the stage has one',
      {
        hint: 'Write FROM image, or FROM image AS name.',
      },
    );
  }
  if (name && !STAGE_NAME.test(name.text.toLowerCase())) {
    throw failure(statement, 'STAGE_NAME_INVALID', `invalid stage name "${name.text}"`, {
      location: name.location,
      hint: 'A name begins with a letter, followed by letters, digits, "-", "_" and ".".',
    });
  }
  const platform = new Flags(statement, { platform: 'value' }).value('platform');
  return {
    kind: 'FROM',
    ...common(statement),
    image,
    ...(as && name && { as, name }),
    ...(platform && { platform }),
  };
}
