var jsGreeter = require('../src/jsGreeter.js');
var assert = require('assert');

describe('Algorithm', function() {
  beforeEach(function(done) {
    setTimeout(done, 1);
  });

  describe('#apply()', function() {
    it('should result in a hello message', function(done) {
      this.timeout(1000);
      jsGreeter.apply("Jane", function(err, res) {
        if(err) { return done(err); }

        if(res.greeting == "Hello Jane") {
          done();
        } else {
          done("Expected 'Hello Jane'. Receieved '" + res + "'.");
        }
      });
    });

    it('knows who is known', function() {
      return new Promise((resolve) => jsGreeter.apply("Ada", (err, res) => resolve(assert(res.known))));
    });
  });
});
