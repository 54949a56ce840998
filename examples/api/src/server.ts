import { pino } from 'pino';
import { createApp } from './app.js';

const log = pino();
const port = Number(process.env.PORT ?? 3000);

const server = createApp().listen(port, (error) => {
  if (error) {
    log.fatal(error, 'cannot listen');
    process.exit(1);
  }
  log.info({ port, uid: process.getuid?.() }, 'listening');
});

// As process 1 of a container Node ends on no signal by itself: without this, stopping would take as long
// as the engine's patience lasts.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    log.info({ signal }, 'stopping');
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
