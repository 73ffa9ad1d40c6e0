// The small part of AbortSignal that pure code uses. The platform's own type has it and more, so the two merge.
declare global {
  interface AbortSignal {
    readonly aborted: boolean
    readonly reason: any
    throwIfAborted(): void
    addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
    removeEventListener(type: 'abort', listener: () => void): void
  }
}

export {}
