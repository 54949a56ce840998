import { blockOf, lineEnd } from '../../dockerfile/text-edit.ts';
import { editedDockerfile } from '../edited-text.ts';
import type { Rewrite } from '../rewrite.ts';

/** The user `nonroot` of distroless images; a number needs no account. */
const USER = '65532:65532';

/** The program runs without root's rights. */
export const numericUser: Rewrite = {
  id: 'numeric-user',
  title: 'run without root',
  aim: 'safety',
  propose(evidence) {
    const { facts, plan } = evidence;
    const { target } = facts;
    const user = plan.target.config.User ?? '';
    if (!/^(root|0)?(:.*)?$/.test(user) || target.final.userInstruction !== undefined) return [];
    const first = target.text.instructions.find(({ kind }) => kind === 'CMD' || kind === 'ENTRYPOINT');
    const newline = lineEnd(facts.text);
    const isLast = first === undefined;
    const at = isLast ? facts.text.length : blockOf(facts.dockerfile, first).start;
    const gap = isLast && !facts.text.endsWith('\n') ? newline : '';
    return [
      editedDockerfile(
        evidence,
        [{ start: at, end: at, text: `${gap}USER ${USER}${newline}` }],
        `runs as ${USER}, not as root`,
        'files that the program writes later than in the probe must belong to this user',
      ),
    ];
  },
};
