import { lineEnd, placeOf } from '../../dockerfile/text-edit.ts';
import { editedDockerfile } from '../edited-text.ts';
import type { Rewrite } from '../rewrite.ts';

const COMPILES = /^((?:npm|yarn|pnpm) run (?:build|compile)[\w:-]*|npx tsc[\w ./-]*)\s*&&\s*(\S.*)$/;

/** `CMD npm run build && npm start` compiles at each start: the first part becomes a RUN. */
export const buildWhileBuilding: Rewrite = {
  id: 'build-while-building',
  title: 'compile in the build, not at each start',
  aim: 'safety',
  propose(evidence) {
    const { facts } = evidence;
    const { cmd, entrypoint } = facts.target.final;
    if (cmd?.command.form !== 'shell' || entrypoint !== undefined) return [];
    const [, compile, start] = COMPILES.exec(cmd.command.text.trim()) ?? [];
    if (compile === undefined) return [];
    const { start: from, end } = placeOf(facts.dockerfile, cmd);
    const newline = lineEnd(facts.text);
    const last = facts.text.slice(from, end).endsWith('\n') ? newline : '';
    const text = `RUN ${compile}${newline}CMD ${start}${last}`;
    return [editedDockerfile(evidence, [{ start: from, end, text }], `runs \`${compile}\` in a RUN`)];
  },
};
