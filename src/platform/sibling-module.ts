/**
 * The URL of a module beside this one that is to be started as a thread or process, whether the program runs from sources or compiled.
 * The build finds it by the words of the call, `import.meta.url` and a literal name, and makes it a file of its own (scripts/bundle.mjs).
 */
export function siblingModule(here: string, name: string): URL {
  return new URL(`${name}${here.endsWith('.ts') ? '.ts' : '.js'}`, here)
}
