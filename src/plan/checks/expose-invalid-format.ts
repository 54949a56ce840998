import { definePlanCheck } from './define-plan-check.ts';

export const exposeInvalidFormat = definePlanCheck({
  id: 'ExposeInvalidFormat',
  description: 'EXPOSE names ports of the container only.',
  on: 'port',
  check({ written, ports, location }, report) {
    if (!ports.namesHost) return;
    report({
      message: `"${written}" names an address or a port of the host, which EXPOSE cannot set`,
      location,
      hint: 'Name the port of the container alone; the host’s is chosen when the image is run.',
    });
  },
});
