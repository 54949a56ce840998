import type { NodeProject } from '../node-project.ts';

/** How a Node project is built and started. Paths are relative to the package that is shipped. */
export interface Framework {
  /** `Next.js`. */
  title: string;
  /** Packages any of which means that the framework is used. */
  packages: readonly string[];
  /** @throws JettisonError `INIT_UNSUPPORTED` with what to change */
  service(project: NodeProject): Service;
}

export type Service = StaticService | ServerService;

/** Files that a web server sends. */
export interface StaticService {
  kind: 'static';
  /** `(static)`, `(standalone)`. */
  variant?: string;
  /** The folder that the build makes. */
  output: string;
  /** Unknown paths get index.html, which routes in the browser. */
  isSinglePage: boolean;
  env?: Record<string, string>;
}

/** A program that Node runs. */
export interface ServerService {
  kind: 'server';
  variant?: string;
  /** Arguments of Node. */
  start: string[];
  /** Whether the build script makes something that runs. */
  isBuilt: boolean;
  /** Copied to the production stage: from the build, or from the context where nothing is built. */
  copies: { path: string; target?: string; comment: string }[];
  /** `none`: the build's result contains what it needs. `all`: development dependencies are needed, too. */
  modules: 'production' | 'none' | 'all';
  /** Undefined for a program that listens on none. */
  port: number | undefined;
  /** Of the production stage. */
  env: Record<string, string>;
  /** Of the build stage. */
  buildEnv?: Record<string, string>;
  notes?: string[];
}
