import { maskOf } from '../agent/index.ts'
import { RunRecorder, type OpenCredential, type RecordedRun, type Recording, type RecordingMask } from '../sdk/index.ts'

/** The runs of one check, taken down. */
export class Tape {
  readonly #mask: RecordingMask
  readonly #runs: RecordedRun[] = []
  #isCut = false

  constructor(open: OpenCredential | undefined) {
    const credential = open === undefined ? undefined : { type: open.type, fields: given(open.fields) }
    const mask = maskOf(credential)
    // In bytes a secret may stand as UTF-8 or as UTF-16, as Windows writes it.
    const inBytes = (['utf8', 'utf16le'] as const).map((encoding) =>
      maskOf(credential === undefined ? undefined : { ...credential, fields: asBytes(credential.fields, encoding) }),
    )
    const bytes = (text: string) => inBytes.reduce((masked, one) => one(masked), mask(text))
    this.#mask = Object.assign(mask.bind(undefined), { bytes })
  }

  begin(): RunRecorder {
    return new RunRecorder({ mask: this.#mask, now: () => Date.now() })
  }

  end(recorder: RunRecorder, about: Parameters<RunRecorder['done']>[0]): void {
    this.#runs.push(recorder.done(about))
    this.#isCut ||= recorder.isCut
  }

  recording(about: Pick<Recording, 'monitor' | 'connector' | 'version' | 'settings' | 'connectorSettings'>): Recording {
    return {
      farwatchRecording: 1,
      ...about,
      settings: masked(about.settings, this.#mask),
      connectorSettings: masked(about.connectorSettings, this.#mask),
      madeAt: new Date().toISOString(),
      runs: this.#runs,
      ...(this.#isCut ? { isCut: true } : {}),
    }
  }
}

/** The fields that have a value. */
function given(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )
}

function asBytes(fields: Readonly<Record<string, string>>, encoding: BufferEncoding): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => [name, Buffer.from(text, encoding).toString('latin1')]),
  )
}

function masked<T>(value: T, mask: (text: string) => string): T {
  // What JSON holds comes back as what it was, but for its texts.
  return JSON.parse(JSON.stringify(value), (_, one: unknown) => (typeof one === 'string' ? mask(one) : one)) as T
}
