import { defineConfig } from 'vitest/config';
import { root } from '../../scripts/lib/paths.mjs';
import { inEditor } from '../../vitest.config';

/** Apart from the lanes, which must never overwrite committed pictures: scripts/takePictures.mjs starts it. */
export default defineConfig({
  root,
  test: { name: 'pictures', include: ['test/pictures/**/*.picture.ts'], ...inEditor },
});
