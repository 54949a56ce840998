// Which room may import from which: the order of the data's flow, see ARCHITECTURE.md. A room that is not
// listed for another may not be imported by it; everything may import the ground floor.
const ground = ['errors', 'image', 'events', 'fields'];
const rooms = {
  errors: [],
  image: [],
  events: [],
  fields: [],
  secrets: [],
  dockerfile: ['secrets'],
  layer: [],
  git: ['layer'],
  context: ['dockerfile', 'layer', 'store'],
  plan: ['dockerfile', 'secrets'],
  store: ['layer'],
  protocol: ['layer', 'store'],
  machine: ['protocol', 'store'],
  launch: ['protocol', 'machine', 'layer', 'store'],
  host: ['protocol', 'machine', 'launch', 'layer', 'store'],
  worker: ['protocol', 'machine', 'launch', 'layer', 'store'],
  layout: ['layer'],
  attest: [],
  registry: ['store'],
  remote: ['dockerfile', 'layer', 'store', 'registry'],
  cache: ['layer', 'layout', 'store', 'registry'],
  history: ['context', 'dockerfile', 'secrets', 'git', 'layer', 'store'],
  solve: [
    ...['history', 'dockerfile', 'plan', 'layer', 'context', 'store', 'protocol', 'machine', 'launch'],
    ...['registry', 'remote', 'cache', 'layout'],
  ],
  forecast: ['dockerfile', 'plan', 'layer', 'context', 'git', 'solve'],
  export: ['layer', 'layout', 'store', 'protocol', 'registry', 'attest'],
  images: ['layer', 'layout', 'store', 'registry', 'export', 'attest'],
  inspect: ['layer', 'context', 'store', 'registry', 'images'],
  versions: [],
  advisories: ['layer', 'store', 'registry', 'inspect', 'versions'],
  scan: ['inspect', 'advisories', 'versions'],
  sbom: ['inspect', 'scan'],
  leaks: ['inspect', 'scan', 'secrets', 'store', 'layer'],
  explore: ['layer', 'store', 'inspect'],
  report: ['inspect', 'protocol'],
  timings: [],
  run: ['layer', 'store', 'protocol', 'machine', 'launch', 'host'],
  probe: ['layer', 'store', 'protocol', 'machine', 'launch', 'host', 'run'],
  base: ['layer', 'store', 'host', 'export'],
  build: [
    ...[
      'dockerfile',
      'secrets',
      'plan',
      'context',
      'cache',
      'remote',
      'registry',
      'solve',
      'store',
      'protocol',
    ],
    ...['machine', 'host', 'export', 'run', 'git', 'forecast', 'layer', 'history'],
    ...['attest', 'images', 'inspect', 'sbom'],
  ],
};

const forbidden = Object.entries(rooms).map(([room, allowed]) => ({
  name: `${room}-imports`,
  comment: `src/${room} may import only from: ${[...allowed, ...ground].join(', ')}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: {
    path: '^src/',
    pathNot: `^src/(${[room, ...allowed, ...(room === 'errors' ? [] : ground)].join('|')})/`,
  },
}));

export default {
  forbidden: [
    ...forbidden,
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'cli-is-the-roof',
      severity: 'error',
      from: { pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'nobody-imports-the-worker',
      comment: 'The worker is another process: what both need is in protocol, machine or launch',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/worker/' },
      to: { path: '^src/worker/' },
    },
    {
      name: 'native-code-in-the-worker-only',
      severity: 'error',
      from: { pathNot: '^src/worker/native\\.ts$' },
      to: { path: 'koffi' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
};
