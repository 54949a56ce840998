import type { Healthcheck } from '../image/types.ts';
import type { Health } from '../store/containers.ts';

/** The result of a check; exit code -1 means that it timed out or could not run. */
export interface CheckResult {
  exitCode: number;
  output: string;
}

const MS_PER_S = 1000;
const NS_PER_MS = 1e6;
const KEPT = 5;
const OUTPUT_LIMIT = 4096;

/** A health check with all its times, in milliseconds. */
export interface HealthPlan {
  /** The command's arguments. */
  args: string[];
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}

/**
 * The health check of an image, with Docker's defaults.
 *
 * @param shell the image's SHELL
 * @returns undefined without a health check, or with HEALTHCHECK NONE
 */
export function healthPlan(
  check: Healthcheck | undefined,
  shell: readonly string[] = ['/bin/sh', '-c'],
): HealthPlan | undefined {
  const [kind, ...rest] = check?.Test ?? [];
  if (check === undefined || kind === undefined || kind === 'NONE' || rest.length === 0) return undefined;
  const ms = (ns: number | undefined, fallback: number) => (ns ? ns / NS_PER_MS : fallback);
  return {
    args: kind === 'CMD-SHELL' ? [...shell, ...rest] : rest,
    interval: ms(check.Interval, 30 * MS_PER_S),
    timeout: ms(check.Timeout, 30 * MS_PER_S),
    startPeriod: ms(check.StartPeriod, 0),
    startInterval: ms(check.StartInterval, 5 * MS_PER_S),
    retries: check.Retries || 3,
  };
}

/** Milliseconds until the next check. @param age of the container, in milliseconds */
export function nextCheck(plan: HealthPlan, health: Health, age: number): number {
  return health.status === 'starting' && age < plan.startPeriod
    ? Math.min(plan.startInterval, plan.interval)
    : plan.interval;
}

/**
 * The health after another check. During the start period failures do not count, until a check succeeds.
 *
 * @param age of the container when the check began, in milliseconds
 */
export function afterCheck(
  plan: HealthPlan,
  health: Health,
  result: CheckResult & { start: string; end: string },
  age: number,
): Health {
  const log = [...health.log, { ...result, output: result.output.slice(0, OUTPUT_LIMIT) }].slice(-KEPT);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (health.status === 'starting' && age < plan.startPeriod) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  return { status: failingStreak >= plan.retries ? 'unhealthy' : health.status, failingStreak, log };
}

/** Runs checks on schedule until it is stopped. */
export class HealthMonitor {
  health: Health = { status: 'starting', failingStreak: 0, log: [] };
  readonly #started = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  readonly #plan: HealthPlan;
  readonly #check: (plan: HealthPlan) => Promise<CheckResult>;
  readonly #onChange: (health: Health) => void;

  constructor(
    plan: HealthPlan,
    check: (plan: HealthPlan) => Promise<CheckResult>,
    onChange: (health: Health) => void,
  ) {
    this.#plan = plan;
    this.#check = check;
    this.#onChange = onChange;
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    const wait = nextCheck(this.#plan, this.health, Date.now() - this.#started);
    this.#timer = setTimeout(() => void this.#run(), wait);
  }

  async #run(): Promise<void> {
    const start = new Date();
    const result = await this.#check(this.#plan);
    if (this.#stopped) return;
    const times = { start: start.toISOString(), end: new Date().toISOString() };
    this.health = afterCheck(
      this.#plan,
      this.health,
      { ...times, ...result },
      start.getTime() - this.#started,
    );
    this.#onChange(this.health);
    this.#schedule();
  }
}
