# frozen_string_literal: true

# Loaded before Bundler where packages are for another processor: it takes gems that are made for that one.

module Gem
  # Says where gems are to run.
  class Platform
    def self.local = new(ENV.fetch("ALGO_PLATFORM"))
  end

  @platforms = [Platform::RUBY, Platform.local]
end
