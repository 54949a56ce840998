/** `min` leaves out build arguments, secrets, steps and the Dockerfile's text, as BuildKit does. */
export const PROVENANCE_MODES = ['min', 'max'] as const;
export type ProvenanceMode = (typeof PROVENANCE_MODES)[number];

/** The attestations that a build is asked for. */
export interface AttestationRequest {
  /** A bill of materials as SPDX 2.3. */
  sbom?: boolean;
  provenance?: ProvenanceRequest;
}

export interface ProvenanceRequest {
  /** Default: `max`. */
  mode?: ProvenanceMode;
  /** A URI for the machine or service that builds; default: empty. */
  builderId?: string;
}
