import { createInterface } from 'node:readline/promises'
import type { Terminal } from './terminal.ts'

/** Asks the person at the terminal; whatever is not a yes is a no. */
export async function saysYes({ stdin, stdout }: Terminal, question: string): Promise<boolean> {
  const asking = createInterface({ input: stdin, output: stdout })
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim())
  } finally {
    asking.close()
  }
}
