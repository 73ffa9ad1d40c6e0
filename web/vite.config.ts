import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  // Relative, so that one build works under any path: the `<base>` element of index.html says which.
  base: './',
  plugins: [react()],
  build: {
    target: 'es2023',
    sourcemap: false,
    // A data: URL would need an exception in the content security policy.
    assetsInlineLimit: 0,
    // Without it modules are announced by an inline script, which the policy forbids.
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: 'https://localhost:8443', secure: false } } },
})
