# frozen_string_literal: true

# Install what Gemfile.lock pins, for one platform.
#
#   ruby install.rb PACKAGES PLATFORM CACHE

require "bundler"
require "fileutils"
require_relative "asked"
require_relative "bundle"

# Beside the gems: downloads, documents, what compilers left, and notes with times.
LEFT = %w[cache doc build_info bin plugins extensions/*/*/*/{gem_make.out,mkmf.log} gems/*/ext/**/{*.o,Makefile,mkmf.log}].freeze

packages, platform, cache = ARGV
without_the_brought
wanted = Gem::Platform.new(platform_of(platform))
foreign = !(wanted === Gem::Platform.local) # rubocop:disable Style/CaseEquality
as_there = foreign ? { "RUBYOPT" => "-r#{File.join(__dir__, "foreign")}", "ALGO_PLATFORM" => wanted.to_s } : {}
ENV.update(as_there)
bundle(["install", "--jobs", "2"], cache, path: packages, frozen: true, without: "development:test", clean: false)

home, = Dir.glob(File.join(packages, "ruby", "*"))
exit if home.nil?
if foreign
  compiled = Dir.glob(File.join(home, "extensions", "*", "*", "*")).map { |one| File.basename(one) }
  abort("#{compiled.sort.join(", ")}: compiled when installed, which cannot be done here for #{platform}") if compiled.any?
end
LEFT.each { |pattern| FileUtils.rm_rf(Dir.glob(File.join(home, pattern))) }
