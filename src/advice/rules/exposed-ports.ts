import type { Instruction } from '../../dockerfile/ast.ts';
import { tcpPorts } from '../../image/config-values.ts';
import { defineImageAdvice } from '../advice.ts';

export const exposedPorts = defineImageAdvice({
  id: 'ExposedPorts',
  description: 'EXPOSE names the ports on which the program listens.',
  severity: 'warning',
  // Settings of a container may choose other ports.
  confidence: 'likely',
  aliases: [],
  on: 'file',
  check({ target }, report, { image }) {
    const { listening } = image;
    if (listening === undefined || listening.length === 0) return;
    const exposed = tcpPorts(image.config);
    const instruction = target.text.instructions.findLast(({ kind }: Instruction) => kind === 'EXPOSE');
    const place = { stage: target, location: instruction?.location ?? image.from.location };
    const unused = exposed.filter((port) => !listening.includes(port));
    if (unused.length > 0) {
      report({
        message: `EXPOSE names ${unused.join(', ')}, and the program listens on ${listening.join(', ')}`,
        hint: 'Name the port on which it listens: tools publish and probe what EXPOSE says.',
        ...place,
      });
      return;
    }
    const unsaid = listening.filter((port) => !exposed.includes(port));
    if (unsaid.length === 0) return;
    report({
      message: `the program listens on ${unsaid.join(', ')}, which EXPOSE does not name`,
      hint: `Write EXPOSE ${unsaid.join(' ')}, if others shall connect.`,
      severity: 'info',
      ...place,
    });
  },
});
