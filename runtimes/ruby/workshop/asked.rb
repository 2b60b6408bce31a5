# frozen_string_literal: true

# What a Gemfile asks for. One of code that was written for Algorithmia wants a Ruby of its time, and a gem that
# the runner brings: the copy in the current folder does without both.

BROUGHT = /^[ \t]*gem[ \t(]+["']algorithmia["'].*\n?/
OLD_RUBY = /^[ \t]*ruby[ \t(]+["'][^"']*["'].*\n?/

# Rewrite the Gemfile in the current folder, and the lock that fits no more.
def without_the_brought
  text = File.read("Gemfile")
  return unless text.match?(BROUGHT)

  File.write("Gemfile", text.gsub(BROUGHT, "").gsub(OLD_RUBY, ""))
  locked = File.exist?("Gemfile.lock") ? File.read("Gemfile.lock") : ""
  File.delete("Gemfile.lock") if locked.match?(/^    algorithmia \(/)
end
