/** Hands a text that was loaded to the browser as a file: a link could not carry the session's token. */
export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name.replaceAll(/[^\w.-]+/g, '_')
  link.click()
  // Not at once: some browsers begin to read only after the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
