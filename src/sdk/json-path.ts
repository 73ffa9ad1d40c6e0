import { compile } from 'json-p3'
import type { Problem } from '../base/index.ts'
import { rememberedByText } from './memo.ts'

/** A compiled JSONPath. */
export interface JsonPath {
  /** Whether it can only ever name one value. */
  readonly single: boolean
  /** The values in a JSON document; empty where there are none. */
  find(document: unknown): readonly unknown[]
}

/** Compiles a JSONPath (RFC 9535), or says what is wrong with it. */
export function compileJsonPath(text: string, path = ''): JsonPath | Problem {
  const compiled = compiledPath(text)
  return 'why' in compiled
    ? { path, message: `is not a JSONPath: ${compiled.why}`, hint: 'For example: $.status.queue.length' }
    : compiled
}

const compiledPath = rememberedByText((text): JsonPath | { readonly why: string } => {
  try {
    const compiled = compile(text)
    return {
      single: compiled.singularQuery(),
      // What JSON.parse made is JSON.
      find: (document) => compiled.query(document as Parameters<typeof compiled.query>[0]).values(),
    }
  } catch (thrown) {
    return { why: (thrown instanceof Error ? thrown.message.split('\n')[0] : undefined) ?? String(thrown) }
  }
})
