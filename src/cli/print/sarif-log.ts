import { VERSION } from '../../version.ts';

/**
 * A SARIF 2.1.0 log of one run of Jettison: what code scanning reads.
 *
 * @param results each with the position of its rule in `rules`, and its level
 * @param driver further facts of the program that found them
 */
export function sarifLog(
  rules: readonly object[],
  results: readonly object[],
  driver: object = {},
): Record<string, unknown> {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'jettison', version: VERSION, ...driver, rules } },
        columnKind: 'utf16CodeUnits',
        results,
      },
    ],
  };
}
