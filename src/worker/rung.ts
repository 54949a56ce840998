/**
 * Which rung of the ladder a build may stand on: the best that works, namespaces or nothing, or one on which no
 * command runs.
 */
export const RUNG_CHOICES = ['auto', 'namespaces', 'none'] as const;

export type RungChoice = (typeof RUNG_CHOICES)[number];
