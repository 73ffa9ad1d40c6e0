import { writeFile } from 'node:fs/promises'
import { FarwatchError, messageOf } from '../base/index.ts'
import type { Terminal } from './terminal.ts'

/** Writes what a command gives to a file, or to standard output where none is named. @throws FarwatchError `wrong-use` */
export async function writeOut(terminal: Terminal, file: string | undefined, text: string): Promise<void> {
  if (file === undefined) {
    terminal.stdout.write(text)
    return
  }
  try {
    await writeFile(file, text)
  } catch (thrown) {
    throw new FarwatchError('wrong-use', `${file} cannot be written: ${messageOf(thrown)}`)
  }
}
