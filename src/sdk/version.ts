/**
 * Whether a version is one or newer, by the dotted numbers that its text begins with: `10.11.6-MariaDB` is at least 10.11. Missing numbers are 0;
 * a text without any is older than everything.
 */
export function isVersionAtLeast(version: string, ...wanted: readonly number[]): boolean {
  const numbers = (/\d+(?:\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number)
  for (const [i, least] of wanted.entries()) {
    const number = numbers[i] ?? 0
    if (number !== least) return number > least
  }
  return true
}
