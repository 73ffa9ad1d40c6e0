const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A quantity as Kubernetes writes it: `250m` processors are 0.25, `64Mi` are 67108864. Undefined where it is none. */
export function parseQuantity(text: unknown): number | undefined {
  if (typeof text !== 'string' || text.length > 40) return undefined
  const found = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text)
  if (found === null) return undefined
  return Number(`${found[1]}${found[2] ?? ''}`) * factors[found[3] ?? '']!
}
