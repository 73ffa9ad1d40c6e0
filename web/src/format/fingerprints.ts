/**
 * A fingerprint in lines that two people can compare over the telephone: eight pairs each, upper case. Anything that is no row of
 * hexadecimal pairs is shown as it came, in one line.
 */
export function fingerprintLines(fingerprint: string): string[] {
  const digits = fingerprint.replaceAll(':', '').toUpperCase()
  if (!/^(?:[0-9A-F]{2})+$/.test(digits)) return [fingerprint]
  const pairs = digits.match(/../g) ?? []
  return Array.from({ length: Math.ceil(pairs.length / 8) }, (_, i) => pairs.slice(i * 8, i * 8 + 8).join(':'))
}
