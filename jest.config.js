const esModules = [
  '@codemirror',
  '@jupyter/react-components',
  '@jupyter/web-components',
  '@jupyter/ydoc',
  '@jupyterlab',
  '@marijn',
  '@microsoft',
  'exenv-es6',
  'lib0',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
].join('|');

module.exports = {
  moduleFileExtensions: ['ts', 'tsx', 'js', 'json', 'node'],
  moduleNameMapper: { '\\.css$': '@jupyterlab/testing/lib/jest-file-mock.js' },
  // The built extension has a package.json of the same name.
  modulePathIgnorePatterns: ['<rootDir>/rucio_jupyterlab/labextension'],
  resolver: '@jupyterlab/testing/lib/jest-resolver.js',
  roots: ['<rootDir>/src'],
  setupFiles: ['@jupyterlab/testing/lib/jest-shim.js'],
  testEnvironment: '<rootDir>/jest.environment.js',
  testRegex: '/__tests__/.*\\.spec\\.tsx?$',
  transform: {
    '\\.svg$': '@jupyterlab/testing/lib/jest-raw-loader.js',
    '\\.[jt]sx?$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', tsx: true },
          target: 'es2021'
        },
        module: { type: 'commonjs' }
      }
    ]
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esModules})/)`]
};
