# frozen_string_literal: true

# How Bundler is started by the steps: by itself, with a cache of its own, with no say of the project's settings.

# Run Bundler with `words`; end this process as Bundler did when it fails.
def bundle(words, cache, **settings)
  # Mirrors and credentials of the user stay; which file and which folder is ours to say.
  mine = { user_cache: File.join(cache, "bundler"), gemfile: File.expand_path("Gemfile"), app_config: File.expand_path(".bundle") }
  named = { **mine, silence_root_warning: true, version: "system", **settings }
  env = named.to_h { |name, value| ["BUNDLE_#{name.upcase}", value.to_s] }
  exit($?&.exitstatus || 1) unless system(env, "bundle", *words, out: :err) # rubocop:disable Style/SpecialGlobalVars
end

# Return what RubyGems calls `linux/amd64` and the like.
def platform_of(name)
  system, architecture = name.split("/")
  return { "amd64" => "x86_64-darwin", "arm64" => "arm64-darwin" }.fetch(architecture) if system == "darwin"

  { "amd64" => "x86_64-linux", "arm64" => "aarch64-linux" }.fetch(architecture)
end
