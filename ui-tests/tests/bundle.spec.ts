import { readdirSync, statSync } from 'fs';
import { join } from 'path';

import { expect, test } from '@playwright/test';

const STATIC = join(__dirname, '../../rucio_jupyterlab/labextension/static');
const MOST = 300 * 1024;

test('the front end has at most 300 KiB', () => {
  const files = readdirSync(STATIC);
  test.skip(
    files.some(name => name.endsWith('.map')),
    'This is a build for development; make one for use by `jlpm build:prod`.'
  );
  const bytes = files.map(name => statSync(join(STATIC, name)).size);
  expect(bytes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(MOST);
});
