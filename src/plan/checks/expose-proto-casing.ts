import { definePlanCheck } from './define-plan-check.ts';

export const exposeProtoCasing = definePlanCheck({
  id: 'ExposeProtoCasing',
  description: 'Protocols of EXPOSE are in lower case.',
  on: 'port',
  check({ written, ports, location }, report) {
    if (!ports.oddCasing) return;
    report({
      message: `The protocol of "${written}" is not in lower case`,
      location,
      hint: `Write ${written.toLowerCase()}.`,
    });
  },
});
